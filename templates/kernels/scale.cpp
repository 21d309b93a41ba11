// {{ cx.title() }}: times a power of two, which only moves the binary point.
{{ cx.signature() }}
{{ cx.pragmas() }}
{{ cx.outer("elements", "n", body.elements) }}
{%- let at = "n" %}
{%- let factors = body.factor %}
{%- let index = "0" %}
{%- let offset = "" %}
{%- include "kernels/scaled.cpp" %}
}
}
