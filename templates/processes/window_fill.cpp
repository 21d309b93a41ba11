
{%- if kernel.rows > 1 %}
{{ cx.before_unrolled() }}tap_rows{{ kernel.suffix }}: for (int row = 0; row < {{ kernel.rows }}; row++) {
{{ cx.in_unrolled() }}
{%- endif %}
{%- if kernel.columns > 1 %}
{{ cx.before_unrolled() }}tap_columns{{ kernel.suffix }}: for (int column = 0; column < {{ kernel.columns }}; column++) {
{{ cx.in_unrolled() }}
{%- endif %}
{%- if !group.is_one() %}
const int pixel_at = {{ kernel.column_of }};
{%- endif %}
{{ cx.before_unrolled() }}tap_channels{{ kernel.suffix }}: for (int c = 0; c < {{ pixel_channels }}; c++) {
{{ cx.in_unrolled() }}
{%- if group.is_one() %}
{{ kernel.window }}[{{ kernel.entry }}] = pixels[{{ kernel.row_of }}][{{ kernel.column_of }}][c];
{%- else %}
{{ kernel.window }}[{{ kernel.entry }}] = {% if pads_rows %}pixel_at < 0 || pixel_at >= {{ group.pixels }} ? {{ padding }} : {% endif %}pixels[{{ kernel.row_of }}][pixel_at / {{ group.pixels }}][pixel_at % {{ group.pixels }} * {{ pixel_channels }} + c];
{%- endif %}
}
{%- if kernel.columns > 1 %}
}
{%- endif %}
{%- if kernel.rows > 1 %}
}
{%- endif %}
