// {{ cx.title() }}: a table of {{ body.rows }} rows of {{ body.columns }} values; each element is the index of a row.
{{ cx.signature() }} {
{{ cx.pragmas() }}
{{ cx.before(0) }}elements: for (int n = 0; n < {{ body.elements }}; n++) {
{{ cx.inside(0) }}
const {{ cx.ty(body.index) }} index = input[n];
{{ cx.address("index", body.index) }}
{{ cx.before(1) }}columns: for (int c = 0; c < {{ body.columns }}; c++) {
{{ cx.inside(1) }}
output[n * {{ body.columns }} + c] = {{ cx.constant(body.table) }}[address.to_uint() * {{ body.columns }} + c];
}
}
}
