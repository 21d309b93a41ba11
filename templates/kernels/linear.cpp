// {{ cx.title() }}: {{ body.inputs }} x {{ body.outputs }} products
{%- if body.rows > 1 %} for each of {{ body.rows }} rows{% endif %}.
{{ cx.signature() }}
{{ cx.pragmas() }}
{%- if body.rows > 1 %}
{{ cx.outer("rows", "row", body.rows) }}
{%- endif %}
{{ cx.open("outputs", "o", body.outputs) }}
{%- match body.biases %}
{%- when Some with (biases) %}
{{ cx.out_type() }} sum = {{ cx.constant(biases) }}[o];
{%- when None %}
{{ cx.out_type() }} sum = 0;
{%- endmatch %}
{{ cx.open("inputs", "i", body.inputs) }}
sum += input[{{ cx.at(body.rows, body.inputs, "i") }}] * {{ cx.constant(body.weights) }}[i * {{ body.outputs }} + o];
}
output[{{ cx.at(body.rows, body.outputs, "o") }}] = sum;
}
{%- if body.rows > 1 %}
}
{%- endif %}
}
