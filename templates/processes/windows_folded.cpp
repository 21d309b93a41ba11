
{%- for kernel in kernels %}
{{ cx.registers(element, kernel.window, kernel.elements) }}
{%- endfor %}
{%- if let Some(sums) = folds.sums %}
{{ cx.registers(sums.ty, sums.name, sums.len) }}
{%- endif %}
{{ cx.token(cx.output(), "result") }}
{%- if counts_rows %}
{{ row_counter }} y = 0;
{%- endif %}
{%- if counts_steps %}
{{ column_counter }} x = 0;
{%- endif %}
{{ cx.counters(folds) }}
steps: for (int n = 0; n < {{ steps }}; n++) {
{{ cx.in_frame() }}
{%- if given != "true" %}
const bool is_complete = {{ given }};
{%- endif %}
if ({{ folds.is_first() }}) {
{%- include "processes/window_shift.cpp" %}
{%- for kernel in kernels %}
{{ kernel.opening }}
{%- if is_direct %}
{{ cx.before_unrolled() }}lanes{{ kernel.suffix }}: for (int c = 0; c < {{ channels }}; c++) {
{{ cx.in_unrolled() }}
{{ kernel.window }}[c] = pixel.lanes[c];
}
{%- else %}
{%- include "processes/window_fill.cpp" %}
{%- endif %}
{%- endfor %}
{%- if kernels.len() > 1 %}
}
{%- endif %}
}
{%- if given != "true" %}
if (is_complete) {
{%- endif %}
{%- for kernel in kernels %}
{{ kernel.opening }}
{{ kernel.name }}({{ folds.arguments([kernel.window.as_str(), "result.lanes"], phase.as_deref()) }});
{%- endfor %}
{%- if kernels.len() > 1 %}
}
{%- endif %}
if ({{ folds.is_last() }}) {
{{ cx.write(cx.output(), "result") }}
{%- if given != "true" %}
}
}
if (!is_complete || {{ folds.is_last_beside() }}) {
{%- endif %}
{{ folds.reset() }}
{%- include "processes/window_remainders.cpp" %}
{%- if counts_steps %}
if (x == {{ grid[1] - 1 }}) {
x = 0;
{%- if has_rows && counts_rows %}
if (y == {{ grid[0] - 1 }}) {
y = 0;
} else {
y++;
}
{%- endif %}
} else {
x++;
}
{%- endif %}
} else {
{{ folds.advance() }}
}
}
