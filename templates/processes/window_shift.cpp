
{%- if counts_columns %}
if (x == 0) {
at = 0;
}
{%- endif %}
{%- if inside == "true" %}
{{ cx.read(cx.input(), "pixel") }}
{%- else %}
{{ cx.token(cx.input(), "pixel") }}
const bool is_inside = {{ inside }};
if (is_inside) {
{{ cx.read_to(cx.input(), "pixel") }}
}
{%- endif %}
{%- if !is_direct %}
{%- if !column_taken.is_always() %}
if ({{ column_taken.text() }}) {
{%- endif %}
{%- if keeps_current %}
const bool is_new = {{ row_taken.text() }};
{%- endif %}
{%- if checks_column %}
const bool is_stored = {{ column_pixel.text() }};
{%- endif %}
{{ cx.before_unrolled() }}channels: for (int c = 0; c < {{ channels }}; c++) {
{{ cx.in_unrolled() }}
{%- if before > 0 %}
{{ cx.before_unrolled() }}shifted_rows: for (int row = 0; row < {{ span[0] }}; row++) {
{{ cx.in_unrolled() }}
{{ cx.before_unrolled() }}shifted: for (int column = 0; column < {{ before }}; column++) {
{{ cx.in_unrolled() }}
{%- if begins_padded %}
pixels[row][column][c] = x == 0 ? {{ padding }} : pixels[row][column + 1][c];
{%- else %}
pixels[row][column][c] = pixels[row][column + 1][c];
{%- endif %}
}
}
{%- endif %}
{%- if above > 0 && keeps_current %}
{{ cx.registers(element, "kept", rows) }}
{{ cx.before_unrolled() }}kept_rows: for (int row = 0; row < {{ rows }}; row++) {
{{ cx.in_unrolled() }}
kept[row] = {% if checks_column %}is_stored ? {% endif %}{{ cx.lines() }}[{{ at }}][row][c]{% if checks_column %} : {{ padding }}{% endif %};
}
{%- endif %}
{%- if above > 0 %}
{{ cx.before_unrolled() }}above: for (int row = 0; row < {{ above }}; row++) {
{{ cx.in_unrolled() }}
{%- if keeps_current %}
pixels[row][{{ before }}][c] = !is_new ? kept[row] : {% if begins_above %}y == 0 ? {{ padding }} : {% endif %}kept[row + 1];
{%- else %}
pixels[row][{{ before }}][c] = {{ self.unless_padding() }}{{ cx.lines() }}[{{ at }}][row][c];
{%- endif %}
}
{%- endif %}
{%- if keeps_current %}
pixels[{{ above }}][{{ before }}][c] = {% if reads_taken %}is_new{% else %}is_inside{% endif %} ? pixel.lanes[c] : {% if reads_taken %}{% else %}{% if checks_column && above == 0 %}is_new || !is_stored{% else %}is_new{% endif %} ? {{ padding }} : {% endif %}{% if above > 0 %}kept[{{ above }}]{% else %}{{ cx.lines() }}[{{ at }}][0][c]{% endif %};
{%- else %}
pixels[{{ above }}][{{ before }}][c] = {% if reads_taken %}pixel.lanes[c]{% else %}is_inside ? pixel.lanes[c] : {{ padding }}{% endif %};
{%- endif %}
{%- if rows > 0 %}
{%- if checks_column %}
if (is_stored) {
{%- endif %}
{{ cx.before_unrolled() }}stored: for (int row = 0; row < {{ rows }}; row++) {
{{ cx.in_unrolled() }}
{%- if shifted > 0 %}
{{ cx.before_unrolled() }}moved: for (int column = 0; column < {{ shifted }}; column++) {
{{ cx.in_unrolled() }}
{{ cx.lines() }}[column][row][c] = {{ cx.lines() }}[column + 1][row][c];
}
{%- endif %}
{{ cx.lines() }}[{% if shifted > 0 %}{{ shifted }}{% else %}{{ at }}{% endif %}][row][c] = pixels[{% if keeps_current %}row{% else %}row + 1{% endif %}][{{ before }}][c];
}
{%- if checks_column %}
}
{%- endif %}
{%- endif %}
}
{%- if counts_columns %}
{%- if checks_column %}
if (is_stored) {
at++;
}
{%- else %}
at++;
{%- endif %}
{%- endif %}
{%- if !column_taken.is_always() %}
}
{%- endif %}
{%- endif %}
