// {{ cx.title() }}: {{ body.inputs }} x {{ body.outputs }} weights
{%- if let Some(windows) = body.windows %} for each window of {{ windows.window.kernel[0] }} x {{ windows.window.kernel[1] }} taps
{%- else if body.rows > 1 %} for each of {{ body.rows }} rows
{%- endif %}{{ cx.cost() }}.
{%- include "kernels/linear_terms_title.cpp" %}
{%- if !body.tiles.is_whole() %}
// {{ body.tiles.count() }} tiles of {{ body.tile_inputs() }} x {{ body.tile_outputs() }} weights, one in an iteration.
{%- endif %}
{{ cx.signature() }} {
{{ cx.pragmas() }}

{%- if let Some(windows) = body.windows %}
{{ cx.before(0) }}rows: for (int row = 0; row < {{ windows.window.output[0] }}; row++) {
{{ cx.inside(0) }}
{{ cx.before(1) }}columns: for (int column = 0; column < {{ windows.window.output[1] }}; column++) {
{{ cx.inside(1) }}
{{ cx.array(cx.in_type(), "window") }}
{{ cx.before_copy(0) }}tap_rows: for (int tap_row = 0; tap_row < {{ windows.window.kernel[0] }}; tap_row++) {
{{ cx.inside_copy(0) }}
{{ cx.before_copy(1) }}tap_columns: for (int tap_column = 0; tap_column < {{ windows.window.kernel[1] }}; tap_column++) {
{{ cx.inside_copy(1) }}
const int y = {{ cx.tap(windows.window, 0, "row") }};
const int x = {{ cx.tap(windows.window, 1, "column") }};
{{ cx.before_unrolled() }}channels: for (int c = 0; c < {{ windows.channels }}; c++) {
{{ cx.inside_unrolled() }}
window[(tap_row * {{ windows.window.kernel[1] }} + tap_column) * {{ windows.channels }} + c] = {% if windows.window.is_padded() %}{{ cx.present(windows.window) }} ? {% endif -%}
    {{ cx.element(windows.window, windows.channels, "c") }}
    {%- if windows.window.is_padded() %} : {{ cx.in_type() }}(0){% endif %};
}
}
}
{%- else if body.rows > 1 %}
{{ cx.before(0) }}rows: for (int row = 0; row < {{ body.rows }}; row++) {
{{ cx.inside(0) }}
{%- endif %}

{%- if let Some(listed) = body.listed %}
{%- include "kernels/linear_listed.cpp" %}
{%- else %}
{%- include "kernels/linear_tiles.cpp" %}
{%- endif %}
{%- if body.windows.is_some() %}
}
}
{%- else if body.rows > 1 %}
}
{%- endif %}
}
