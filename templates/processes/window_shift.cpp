
{{ cx.input().token }} pixel;
const bool is_inside = {{ inside }};
if (is_inside) {
pixel = input.read();
}
{{ cx.before_unrolled() }}channels: for (int c = 0; c < {{ channels }}; c++) {
{{ cx.in_unrolled() }}
{%- if columns_before > 0 %}
{{ cx.before_unrolled() }}shifted_rows: for (int row = 0; row < {{ span[0] }}; row++) {
{{ cx.in_unrolled() }}
{{ cx.before_unrolled() }}shifted: for (int column = 0; column < {{ columns_before }}; column++) {
{{ cx.in_unrolled() }}
{%- if shifts_padding %}
pixels[row][column][c] = x == 0 ? {{ padding }} : pixels[row][column + 1][c];
{%- else %}
pixels[row][column][c] = pixels[row][column + 1][c];
{%- endif %}
}
}
{%- endif %}
{%- if rows_above > 0 %}
{{ cx.before_unrolled() }}above: for (int row = 0; row < {{ rows_above }}; row++) {
{{ cx.in_unrolled() }}
const bool is_stored = y >= {{ rows_above }} - row{% if columns_behind %} && x < {{ window.input[1] }}{% endif %};
pixels[row][{{ columns_before }}][c] = is_stored ? lines[row][x][c] : {{ padding }};
}
{%- endif %}
pixels[{{ rows_above }}][{{ columns_before }}][c] = is_inside ? pixel.lanes[c] : {{ padding }};
{%- if rows_above > 0 %}
{%- if columns_behind %}
if (x < {{ window.input[1] }}) {
{%- endif %}
{{ cx.before_unrolled() }}stored: for (int row = 0; row < {{ rows_above }}; row++) {
{{ cx.in_unrolled() }}
lines[row][x][c] = pixels[row + 1][{{ columns_before }}][c];
}
{%- if columns_behind %}
}
{%- endif %}
{%- endif %}
}
