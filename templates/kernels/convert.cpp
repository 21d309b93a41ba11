// {{ cx.title() }}: the same values, as {{ cx.out_type() }} rounds and limits them.
{{ cx.signature() }}
{{ cx.pragmas() }}
{{ cx.outer("elements", "n", body.elements) }}
output[n] = input[n];
}
}
