
{%- for kernel in kernels %}
{{ cx.before_unrolled() }}windows{{ kernel.suffix }}: for (int p = 0; p < {{ group.windows }}; p++) {
{{ cx.in_unrolled() }}
{{ cx.registers(element, kernel.window, kernel.elements) }}
{%- include "processes/window_fill.cpp" %}
{{ cx.registers(kernel.result, "values", kernel.outputs) }}
{{ kernel.name }}({{ kernel.window }}, values);
{{ cx.before_unrolled() }}lanes: for (int o = 0; o < {{ kernel.outputs }}; o++) {
{{ cx.in_unrolled() }}
result.lanes[p * {{ kernel.outputs }} + o] = values[o];
}
}
{%- endfor %}
