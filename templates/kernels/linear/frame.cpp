// {{ cx.title() }}: {{ body.inputs }} x {{ body.outputs }} weights
{%- if let Some(windows) = body.windows %} for each window of {{ windows.window.kernel[0] }} x {{ windows.window.kernel[1] }} taps
{%- elif body.rows > 1 %} for each of {{ body.rows }} rows{% endif %}: {{ cx.operations(body.operations) }}.
{%- block how %}{% endblock %}
{%- if !body.blocks.is_whole() %}
// {{ cx.blocks(body) }}
{%- endif %}
{{ cx.signature() }}
{{ cx.pragmas() }}
{%- match body.windows %}
{%- when Some with (windows) %}
{{ cx.outer("rows", "row", windows.window.output[0]) }}
{{ cx.level(1, "columns", "column", windows.window.output[1]) }}
{%- include "kernels/linear/window.cpp" %}
{%- when None %}
{%- if body.rows > 1 %}
{{ cx.outer("rows", "row", body.rows) }}
{%- endif %}
{%- endmatch %}
{{ cx.outputs(body) }}
{{ cx.begin(body) }}
{{ cx.inputs_of_block(body) }}
{%- block term %}{% endblock %}
{{ cx.end_inputs(body) }}
{%- block result %}
output[{{ cx.result(body) }}] = sum;
{%- endblock %}
{{ cx.end_outputs(body) }}
{%- if body.windows.is_some() %}
}
}
{%- elif body.rows > 1 %}
}
{%- endif %}
}
