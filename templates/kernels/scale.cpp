// {{ cx.title() }}: times a power of two, which only moves the binary point.
{{ cx.signature() }}
{{ cx.pragmas() }}
const {{ cx.ty(body.factor.element) }} factor = {{ cx.number(body.factor) }};
{{ cx.outer("elements", "n", body.elements) }}
output[n] = input[n] * factor;
}
}
