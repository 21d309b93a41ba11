// {{ cx.title() }}: {{ body.inputs }} x {{ body.outputs }} weights
{%- if let Some(windows) = body.windows %} for each window of {{ windows.window.kernel[0] }} x {{ windows.window.kernel[1] }} taps
{%- else if body.rows > 1 %} for each of {{ body.rows }} rows
{%- endif %}{{ cx.cost() }}.
{%- match body.terms %}
{%- when Terms::Products with { .. } %}
{%- when Terms::Signs with { signs, shifted } %}
// Weights are {{ cx.signs(signs) }}
{%- if shifted.is_some() %} times a power of two, by which the sum is shifted{% endif %}.
{%- when Terms::Shifts with { signs, .. } %}
// Weights are {{ cx.signs(signs) }} times powers of two.
{%- when Terms::Xnor with { .. } %}
// Both factors are a sign times a power of two: only products below 0 are counted.
{%- endmatch %}
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
{{ cx.in_type() }} window[{{ windows.elements() }}];
{{ cx.array("window") }}
{{ cx.before_copy(0) }}tap_rows: for (int tap_row = 0; tap_row < {{ windows.window.kernel[0] }}; tap_row++) {
{{ cx.inside_copy(0) }}
{{ cx.before_copy(1) }}tap_columns: for (int tap_column = 0; tap_column < {{ windows.window.kernel[1] }}; tap_column++) {
{{ cx.inside_copy(1) }}
const int y = {{ cx.tap(windows.window, 0, "row") }};
const int x = {{ cx.tap(windows.window, 1, "column") }};
{{ cx.before_unrolled() }}channels: for (int c = 0; c < {{ windows.channels }}; c++) {
{{ cx.inside_unrolled() }}
window[(tap_row * {{ windows.window.kernel[1] }} + tap_column) * {{ windows.channels }} + c] =
    {% if windows.window.is_padded() %}{{ cx.present(windows.window) }} ? {% endif -%}
    {{ cx.element(windows.window, windows.channels, "c") }}
    {%- if windows.window.is_padded() %} : {{ cx.in_type() }}(0){% endif %};
}
}
}
{%- else if body.rows > 1 %}
{{ cx.before(0) }}rows: for (int row = 0; row < {{ body.rows }}; row++) {
{{ cx.inside(0) }}
{%- endif %}

{%- if body.tiles.inputs > 1 %}
{{ cx.sum_type(body) }} sums[{{ body.tile_outputs() }}];
{{ cx.array("sums") }}
{%- endif %}
{%- if let Some(tiles) = outputs.tiles %}
{{ cx.before(level) }}{{ tiles }} {
{{ cx.inside(level) }}
{%- endif %}
{%- if let Some(tiles) = inputs.tiles %}
{{ cx.before(level + 1) }}{{ tiles }} {
{{ cx.inside(level + 1) }}
{%- endif %}
{%- if let Some(elements) = outputs.elements %}
{{ cx.before_unrolled() }}{{ elements }} {
{{ cx.inside_unrolled() }}
{%- endif %}
{%- if let Some(index) = outputs.index() %}
const int o = {{ index }};
{%- endif %}
{%- if inputs.tiles.is_some() %}
{{ cx.sum_type(body) }} {{ cx.sum(body) }} = 0;
{%- else %}
{{ cx.sum_type(body) }} {{ cx.sum(body) }} = {{ cx.first(body) }};
{%- endif %}
{%- if let Some(elements) = inputs.elements %}
{{ cx.before_unrolled() }}{{ elements }} {
{{ cx.inside_unrolled() }}
{%- endif %}
{%- if let Some(index) = inputs.index() %}
const int i = {{ index }};
{%- endif %}
{%- match body.terms %}
{%- when Terms::Products with { weights, sparse } %}
{%- if sparse %}
if ({{ cx.constant(weights) }}[{{ entry }}] != 0) {
sum += {{ operand }} * {{ cx.constant(weights) }}[{{ entry }}];
}
{%- else %}
sum += {{ operand }} * {{ cx.constant(weights) }}[{{ entry }}];
{%- endif %}
{%- when Terms::Signs with { signs, .. } %}
{%- let term = operand.as_str() %}
{%- include "kernels/add_signed.cpp" %}
{%- when Terms::Shifts with { signs, shift } %}
const {{ cx.ty(shift.element) }} term = {{ cx.shifted(shift, operand, entry) }};
{%- let term = "term" %}
{%- include "kernels/add_signed.cpp" %}
{%- when Terms::Xnor with { negative, .. } %}
const bool negative = {{ cx.constant(negative) }}[{{ entry }}] != 0;
below += {{ cx.bit() }}(({{ operand }} < 0) != negative);
{%- endmatch %}
{%- if inputs.elements.is_some() %}
}
{%- endif %}

{%- if let Some(tiles) = inputs.tiles %}
{{ cx.sum(body) }} += {{ tiles.variable }} == 0 ? {{ cx.sum_type(body) }}({{ cx.first(body) }}) : {{ carried }};
{{ carried }} = {{ cx.sum(body) }};
if ({{ tiles.variable }} == {{ tiles.bound - 1 }}) {
{%- endif %}
{%- match body.terms %}
{%- when Terms::Signs with { shifted: Some(shifted), .. } %}
const {{ cx.ty(shifted.shift.element) }} shifted = {{ cx.shifted(shifted.shift, "sum", "o") }};
output[{{ result }}] = {% if body.starts.is_some() %}{{ cx.start(body) }} + {% endif %}shifted;
{%- when Terms::Xnor with { shift, .. } %}
const {{ cx.ty(shift.element) }} shifted = {{ cx.shifted(shift, "below", "o") }};
output[{{ result }}] = {{ cx.start(body) }} - shifted;
{%- when Terms::Signs { .. } | Terms::Products { .. } | Terms::Shifts { .. } %}
output[{{ result }}] = sum;
{%- endmatch %}
{%- if inputs.tiles.is_some() %}
}
{%- endif %}

{%- if outputs.elements.is_some() %}
}
{%- endif %}
{%- if inputs.tiles.is_some() %}
}
{%- endif %}
{%- if outputs.tiles.is_some() %}
}
{%- endif %}
{%- if body.windows.is_some() %}
}
}
{%- else if body.rows > 1 %}
}
{%- endif %}
}
