
{{ element }} window[{{ window.taps() * channels }}];
{{ cx.at_registers("window") }}
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
{%- if !complete.is_empty() %}
const bool is_complete = {{ complete }};
{%- endif %}
if ({{ folds.is_first() }}) {
{%- include "processes/window_shift.cpp" %}
{%- include "processes/window_fill.cpp" %}
}
{%- if !complete.is_empty() %}
if (is_complete) {
{%- endif %}
{{ cx.kernel() }}({{ folds.arguments("window") }});
if ({{ folds.is_last() }}) {
output.write(result);
}
{%- if !complete.is_empty() %}
}
{%- endif %}
if ({% if !complete.is_empty() %}!is_complete || ({{ folds.is_last() }}){% else %}{{ folds.is_last() }}{% endif %}) {
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
