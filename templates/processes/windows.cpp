// {{ cx.title() }}: {{ title }}{% if let Some(folds) = folds %}, in {{ folds.count() }} steps{% endif %}.
{{ cx.before_process() }}{{ cx.signature() }} {
{%- for table in tables %}
static const bool {{ table.name }}[{{ table.len }}] = {
{%- for line in table.lines %}
{{ line }}
{%- endfor %}
};
{%- endfor %}
{%- if !is_direct %}
{%- include "processes/window_buffers.cpp" %}
{%- endif %}
{%- if counts_columns %}
{{ at_counter }} at = 0;
{%- endif %}
{%- for remainder in remainders %}
{{ cx.counter(remainder.by - 1) }} {{ remainder.text() }} = 0;
{%- endfor %}
{%- if let Some(folds) = folds %}
{%- include "processes/windows_folded.cpp" %}
{%- else %}
{%- include "processes/grid_begin.cpp" %}
{%- if !has_rows && counts_rows %}
const int y = 0;
{%- endif %}
{%- if !has_columns && names_column %}
const int x = 0;
{%- endif %}
{%- include "processes/window_shift.cpp" %}
{%- if given != "true" %}
if ({{ given }}) {
{%- endif %}
{{ cx.token(cx.output(), "result") }}
{%- if kernels.is_empty() %}
{{ cx.before_unrolled() }}lanes: for (int c = 0; c < {{ channels }}; c++) {
{{ cx.in_unrolled() }}
result.lanes[c] = {% if is_direct %}pixel.lanes{% else %}pixels[0][0]{% endif %}[c];
}
{%- endif %}
{%- if group.windows > 1 %}
{%- include "processes/window_group.cpp" %}
{%- else %}
{%- for kernel in kernels %}
{{ kernel.opening }}
{%- if is_direct %}
{{ kernel.name }}(pixel.lanes, result.lanes{% if let Some(phase) = phase %}, {{ phase }}{% endif %});
{%- else %}
{{ cx.registers(element, kernel.window, kernel.elements) }}
{%- include "processes/window_fill.cpp" %}
{{ kernel.name }}({{ kernel.window }}, result.lanes{% if let Some(phase) = phase %}, {{ phase }}{% endif %});
{%- endif %}
{%- endfor %}
{%- endif %}
{%- if kernels.len() > 1 %}
}
{%- endif %}
{{ cx.write(cx.output(), "result") }}
{%- if given != "true" %}
}
{%- endif %}
{%- include "processes/grid_end.cpp" %}
{%- endif %}
}
