// {{ cx.title() }}: the value behind the last of {{ body.count }} thresholds that an element reaches, found by
// halving them {{ body.levels }} times.
{{ cx.signature() }}
{{ cx.pragmas() }}
{{ cx.outer("elements", "n", body.elements) }}
const {{ cx.ty(body.compared) }} value = input[n];
{{ cx.unsigned(body.levels) }} step = 0;
{{ cx.open_down("halvings", "bit", body.levels) }}
{{ cx.unsigned(body.levels) }} next = step;
next[bit] = 1;
if (value >= {{ cx.constant(body.thresholds) }}[next.to_uint() - 1]) {
step = next;
}
}
output[n] = {{ cx.constant(body.values) }}[step.to_uint()];
}
}
