// {{ cx.title() }}: a token for each window of {{ window.kernel[0] }} x {{ window.kernel[1] }} pixels.
{{ cx.signature() }} {
{%- if rows_above > 0 %}
// The {{ rows_above }} rows above the current one.
{{ element }} lines[{{ rows_above }}][{{ window.input[1] }}][{{ channels }}];
{{ cx.at_lines() }}
{%- endif %}
// The pixels that the current windows span.
{{ element }} pixels[{{ span[0] }}][{{ span[1] }}][{{ channels }}];
{{ cx.at_registers("pixels") }}
rows: for (int y = 0; y < {{ grid[0] }}; y++) {
{{ cx.before_tokens() }}columns: for (int x = 0; x < {{ grid[1] }}; x++) {
{{ cx.in_tokens() }}
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
{%- if !complete.is_empty() %}
if ({{ complete }}) {
{%- endif %}
{{ element }} window[{{ window.taps() * channels }}];
{{ cx.at_registers("window") }}
{{ cx.before_unrolled() }}tap_rows: for (int row = 0; row < {{ window.kernel[0] }}; row++) {
{{ cx.in_unrolled() }}
{{ cx.before_unrolled() }}tap_columns: for (int column = 0; column < {{ window.kernel[1] }}; column++) {
{{ cx.in_unrolled() }}
{{ cx.before_unrolled() }}tap_channels: for (int c = 0; c < {{ channels }}; c++) {
{{ cx.in_unrolled() }}
window[(row * {{ window.kernel[1] }} + column) * {{ channels }} + c] = pixels[{{ row_of }}][{{ column_of }}][c];
}
}
}
{{ cx.output().token }} result;
{{ cx.kernel() }}(window, result.lanes);
output.write(result);
{%- if !complete.is_empty() %}
}
{%- endif %}
}
}
}
