// {{ cx.title() }}: the {% if is_max %}largest element{% else %}sum{% endif %} of each channel in windows of {{ kernel[0] }} x {{ kernel[1] }} pixels that do not overlap{{ cx.cost() }}.
{{ cx.before_process() }}{{ cx.signature() }} {
{%- if kept > 0 %}
// The {% if is_max %}largest elements{% else %}sums{% endif %} so far of each window of a row.
{{ self.lines() }}
{%- endif %}
{%- if is_running %}
// The {% if is_max %}largest elements{% else %}sums{% endif %} so far of the current window.
{{ cx.registers(ty, "values", channels) }}
{%- endif %}
{%- if counts_windows %}
{{ window_counter }} at = 0;
{%- endif %}
{%- for remainder in remainders %}
{{ cx.counter(remainder.by - 1) }} {{ remainder.text() }} = 0;
{%- endfor %}
{%- include "processes/grid_begin.cpp" %}
{%- if counts_windows %}
if (x == 0) {
at = 0;
}
{%- endif %}
{{ cx.read(cx.input(), "pixel") }}
{%- if let Some(inside) = inside %}
if ({{ inside }}) {
{%- endif %}
{%- if let Some(begins) = begins %}
const bool begins = {{ begins }};
{%- endif %}
{%- if let Some(ends) = ends %}
const bool ends = {{ ends }};
{%- endif %}
{%- if let Some(is_first) = is_first %}
const bool is_first = {{ is_first }};
{%- endif %}
{{ cx.token(cx.output(), "result") }}
{{ cx.before_unrolled() }}channels: for (int c = 0; c < {{ channels }}; c++) {
{{ cx.in_unrolled() }}
{{ ty }} value = pixel.lanes[c];
{%- if is_first.is_some() %}
if (!is_first) {
const {{ ty }} before = {{ before }};
{%- if is_max %}
if (before > value) {
value = before;
}
{%- else %}
value += before;
{%- endif %}
}
{%- endif %}
{%- if is_running %}
values[c] = value;
{%- endif %}
{%- if kept > 0 %}
{%- if ends.is_some() %}
if (ends) {
{%- endif %}
{%- if !has_memory %}
{{ cx.before_unrolled() }}moved: for (int column = 0; column < {{ kept - 1 }}; column++) {
{{ cx.in_unrolled() }}
{{ cx.lines() }}[column][0][c] = {{ cx.lines() }}[column + 1][0][c];
}
{%- endif %}
{{ cx.lines() }}[{{ stored }}][0][c] = value;
{%- if ends.is_some() %}
}
{%- endif %}
{%- endif %}
result.lanes[c] = value;
}
{%- if counts_windows %}
{%- if ends.is_some() %}
if (ends) {
at++;
}
{%- else %}
at++;
{%- endif %}
{%- endif %}
{%- if let Some(is_given) = is_given %}
if ({{ is_given }}) {
{{ cx.write(cx.output(), "result") }}
}
{%- else %}
{{ cx.write(cx.output(), "result") }}
{%- endif %}
{%- if inside.is_some() %}
}
{%- endif %}
{%- include "processes/grid_end.cpp" %}
}
