
{%- for kernel in kernels %}
{{ element }} {{ kernel.window }}[{{ kernel.elements }}];
{{ cx.at_registers(kernel.window) }}
{%- endfor %}
{%- if let Some(sums) = folds.sums %}
{{ sums }}
{{ cx.at_registers("sums") }}
{%- endif %}
{{ cx.output().token }} result;
int y = 0;
int x = 0;
{{ folds.counters() }}
{{ cx.before_tokens() }}steps: for (int n = 0; n < {{ steps }}; n++) {
{{ cx.in_tokens() }}
{%- if given != "true" %}
const bool is_complete = {{ given }};
{%- endif %}
if ({{ folds.is_first() }}) {
{%- include "processes/window_shift.cpp" %}
{%- for kernel in kernels %}
{{ kernel.opening }}
{%- include "processes/window_fill.cpp" %}
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
{{ kernel.name }}({{ folds.arguments([kernel.window, "result.lanes"], phase.as_deref()) }});
{%- endfor %}
{%- if kernels.len() > 1 %}
}
{%- endif %}
if ({{ folds.is_last() }}) {
output.write(result);
}
{%- if given != "true" %}
}
{%- endif %}
if ({% if given != "true" %}!is_complete || ({{ folds.is_last() }}){% else %}{{ folds.is_last() }}{% endif %}) {
{{ folds.reset() }}
if (x == {{ grid[1] - 1 }}) {
x = 0;
y++;
} else {
x++;
}
} else {
{{ folds.advance() }}
}
}
