// {{ cx.title() }}: leaky ReLU. The slope is a power of two, so that its product is exact and free.
{{ cx.signature() }}
{{ cx.pragmas() }}
const {{ cx.ty(body.slope.element) }} slope = {{ cx.number(body.slope) }};
{{ cx.outer("elements", "n", body.elements) }}
if (input[n] < 0) {
output[n] = input[n] * slope;
} else {
output[n] = input[n];
}
}
}
