// {{ cx.title() }}: the {% if body.lowest.is_some() %}largest element{% else %}sum{% endif %} of each window of {{ body.window.kernel[0] }} x {{ body.window.kernel[1] }} elements
{{- cx.cost() }}.
{{ cx.signature() }} {
{{ cx.pragmas() }}
{%- if !is_one %}
{{ cx.before(0) }}rows: for (int row = 0; row < {{ body.window.output[0] }}; row++) {
{{ cx.inside(0) }}
{{ cx.before(1) }}columns: for (int column = 0; column < {{ body.window.output[1] }}; column++) {
{{ cx.inside(1) }}
{%- endif %}
{{ cx.before(2) }}channels: for (int c = 0; c < {{ body.channels }}; c++) {
{{ cx.inside(2) }}
{%- if tree.is_some() %}
{{ cx.array(cx.ty(body.element), "taps") }}
{%- else %}
{{ cx.ty(body.element) }} result = {% if let Some(lowest) = body.lowest %}{{ cx.number(lowest) }}{% else %}0{% endif %};
{%- endif %}
{%- if is_one %}
{{ cx.before(3) }}tap_rows: for (int y = 0; y < {{ body.window.kernel[0] }}; y++) {
{{ cx.inside(3) }}
{{ cx.before(4) }}tap_columns: for (int x = 0; x < {{ body.window.kernel[1] }}; x++) {
{{ cx.inside(4) }}
{%- else %}
{{ cx.before(3) }}tap_rows: for (int tap_row = 0; tap_row < {{ body.window.kernel[0] }}; tap_row++) {
{{ cx.inside(3) }}
{{ cx.before(4) }}tap_columns: for (int tap_column = 0; tap_column < {{ body.window.kernel[1] }}; tap_column++) {
{{ cx.inside(4) }}
const int y = {{ cx.tap(body.window, 0, "row") }};
const int x = {{ cx.tap(body.window, 1, "column") }};
{%- endif %}
{%- if tree.is_some() && body.window.is_padded() %}
{{ self.tap() }} = {% if let Some(lowest) = body.lowest %}{{ cx.number(lowest) }}{% endif %};
{%- endif %}
{%- if body.window.is_padded() %}
if ({{ cx.present(body.window) }}) {
{%- endif %}
{%- if tree.is_some() %}
{{ self.tap() }} = {{ cx.element(body.window, body.channels, "c") }};
{%- else if body.lowest.is_some() %}
if ({{ cx.element(body.window, body.channels, "c") }} > result) {
result = {{ cx.element(body.window, body.channels, "c") }};
}
{%- else %}
result += {{ cx.element(body.window, body.channels, "c") }};
{%- endif %}
{%- if body.window.is_padded() %}
}
{%- endif %}
}
}
{%- if let Some(levels) = tree %}
// A balanced tree: each level compares the first half with the second.
{%- for (pairs, distance) in levels %}
{{ cx.before_unrolled() }}level_{{ loop.index }}: for (int n = 0; n < {{ pairs }}; n++) {
{{ cx.inside_unrolled() }}
if (taps[n + {{ distance }}] > taps[n]) {
taps[n] = taps[n + {{ distance }}];
}
}
{%- endfor %}
{%- endif %}
{%- if is_one %}
output[c] = {{ self.largest_or_sum() }};
}
{%- else %}
output[(row * {{ body.window.output[1] }} + column) * {{ body.channels }} + c] = {{ self.largest_or_sum() }};
}
}
}
{%- endif %}
}
