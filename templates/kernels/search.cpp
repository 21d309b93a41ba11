// {{ cx.title() }}: a step function of {{ body.count }} thresholds, by binary search in {{ body.levels }} comparisons.
{{ cx.signature() }} {
{{ cx.pragmas() }}
{{ cx.before(0) }}elements: for (int n = 0; n < {{ cx.elements() }}; n++) {
{{ cx.inside(0) }}
const {{ cx.ty(body.compared) }} value = input[n];
{{ cx.unsigned(body.levels) }} step = 0;
{{ cx.before_unrolled() }}bits: for (int bit = {{ body.levels - 1 }}; bit >= 0; bit--) {
{{ cx.inside_unrolled() }}
{{ cx.unsigned(body.levels) }} next = step;
next[bit] = 1;
if (value >= {{ cx.constant(body.thresholds) }}[next.to_uint() - 1]) {
step = next;
}
}
output[n] = {{ cx.constant(body.values) }}[step.to_uint()];
}
}
