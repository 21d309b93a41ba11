// {{ cx.title() }}: {{ title }}.
{{ cx.signature() }} {
{%- for table in tables %}
static const bool {{ table.name }}[{{ table.len }}] = {
{%- for line in table.lines %}
{{ line }}
{%- endfor %}
};
{%- endfor %}
{%- include "processes/window_buffers.cpp" %}
{%- if counts_columns %}
int at = 0;
{%- endif %}
rows: for (int y = 0; y < {{ grid[0] }}; y++) {
{{ cx.before_tokens() }}columns: for (int x = 0; x < {{ grid[1] }}; x++) {
{{ cx.in_tokens() }}
{%- if counts_columns %}
if (x == 0) {
at = 0;
}
{%- endif %}
{%- include "processes/window_shift.cpp" %}
{%- if given != "true" %}
if ({{ given }}) {
{%- endif %}
{{ cx.output().token }} result;
{%- if kernels.is_empty() %}
{{ cx.before_unrolled() }}lanes: for (int c = 0; c < {{ channels }}; c++) {
{{ cx.in_unrolled() }}
result.lanes[c] = pixels[0][0][c];
}
{%- endif %}
{%- for kernel in kernels %}
{% if kernels.len() > 1 %}{% if !loop.first %}} else {% endif %}{% if !loop.last %}if ({{ kernel.condition }}) {% endif %}{ {% endif %}
{{ element }} window[{{ kernel.elements }}];
{{ cx.at_registers("window") }}
{{ cx.before_unrolled() }}tap_rows{{ kernel.suffix }}: for (int row = 0; row < {{ kernel.rows }}; row++) {
{{ cx.in_unrolled() }}
{{ cx.before_unrolled() }}tap_columns{{ kernel.suffix }}: for (int column = 0; column < {{ kernel.columns }}; column++) {
{{ cx.in_unrolled() }}
{{ cx.before_unrolled() }}tap_channels{{ kernel.suffix }}: for (int c = 0; c < {{ channels }}; c++) {
{{ cx.in_unrolled() }}
window[(row * {{ kernel.columns }} + column) * {{ channels }} + c] = pixels[{{ kernel.row_of }}][{{ kernel.column_of }}][c];
}
}
}
{{ kernel.name }}(window, result.lanes);
{%- endfor %}
{%- if kernels.len() > 1 %}
}
{%- endif %}
output.write(result);
{%- if given != "true" %}
}
{%- endif %}
}
}
}
