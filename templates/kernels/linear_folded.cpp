// {{ cx.title() }}: {{ body.inputs }} x {{ body.outputs }} weights
{%- if body.groups() > 1 %} in {{ body.groups() }} groups{% endif %}
{%- if body.phases > 1 %} for each of {{ body.phases }} phases{% endif %}{{ cx.cost() }}.
{%- include "kernels/linear_terms_title.cpp" %}
{%- if !body.tiles.is_whole() %}
// A call computes one of {{ body.tiles.count() }} tiles of {{ body.tile_inputs() }} x {{ body.tile_outputs() }} weights.
{%- endif %}
{%- if !rotations.is_empty() %}
// Inputs of the next tile move to the front.
{%- endif %}
{%- if body.tiles.outputs > 1 %}
// The results of a tile enter at the end of the output; those before move to its front.
{%- endif %}
static void {{ cx.name() }}({{ arguments }}) {
{{ cx.pragmas() }}
{%- if body.tiles.outputs > 1 %}
{%- if body.tiles.inputs > 1 %}
if (input_tile == {{ body.tiles.inputs - 1 }}) {
rotate<{{ body.outputs }}, {{ body.tile_outputs() }}>(output);
}
{%- else %}
rotate<{{ body.outputs }}, {{ body.tile_outputs() }}>(output);
{%- endif %}
{%- endif %}
{%- if let Some(outputs) = outputs %}
{{ cx.before_unrolled() }}{{ outputs }} {
{{ cx.inside_unrolled() }}
{%- endif %}
{%- if uses_output %}
const int o = {{ output }};
{%- endif %}
{{ cx.sum_type(body) }} {{ sum }} = {% if body.tiles.inputs > 1 %}0{% else %}{{ cx.first(body) }}{% endif %};
{%- if let Some(inputs) = inputs %}
{{ cx.before_unrolled() }}{{ inputs }} {
{{ cx.inside_unrolled() }}
{%- endif %}
{%- include "kernels/linear_term.cpp" %}
{%- if inputs.is_some() %}
}
{%- endif %}
{%- if body.tiles.inputs > 1 %}
{{ sum }} += input_tile == 0 ? {{ cx.sum_type(body) }}({{ cx.first(body) }}) : sums[{{ lane }}];
sums[{{ lane }}] = {{ sum }};
if (input_tile == {{ body.tiles.inputs - 1 }}) {
{%- endif %}
{%- include "kernels/linear_result.cpp" %}
{%- if body.tiles.inputs > 1 %}
}
{%- endif %}
{%- if outputs.is_some() %}
}
{%- endif %}
{%- for rotation in rotations %}
{{ rotation }}
{%- endfor %}
}
