// {{ cx.title() }}: a table with one entry for each code of an element.
{{ cx.signature() }}
{{ cx.pragmas() }}
{{ cx.outer("elements", "n", body.elements) }}
const {{ cx.in_type() }} value = input[n];
const {{ cx.unsigned(body.address_width) }} address = {{ cx.code("value", body.address_width) }};
output[n] = {{ cx.constant(body.values) }}[address.to_uint()];
}
}
