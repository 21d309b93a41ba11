// {{ cx.title() }}: values cast to {{ cx.out_type() }}.
{{ cx.signature() }} {
{{ cx.pragmas() }}
{{ cx.before(0) }}elements: for (int n = 0; n < {{ cx.elements() }}; n++) {
{{ cx.inside(0) }}
output[n] = input[n];
}
}
