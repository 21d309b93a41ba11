// {{ cx.title() }}: times a power of two, which moves the binary point only.
{{ cx.signature() }} {
{{ cx.pragmas() }}
{{ cx.before(0) }}elements: for (int n = 0; n < {{ cx.elements() }}; n++) {
{{ cx.inside(0) }}
{%- let at = "n" %}
{%- let factors = body %}
{%- let index = "0" %}
{%- let bias = "" %}
{%- include "kernels/scaled.cpp" %}
}
}
