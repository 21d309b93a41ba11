// {{ cx.title() }}: whole samples, collected in arrays.
{{ cx.signature() }} {
{%- for array in cx.arrays() %}
{{ cx.declare(array) }}
{%- endfor %}
{%- for input in cx.inputs() %}
{%- let array = cx.array_of(loop.index0) %}
{{ cx.before_steps() }}from_{{ input.name }}: for (int n = 0; n < {{ input.tokens }}; n++) {
{{ cx.in_steps() }}
{{ cx.read(input, "token") }}
{{ cx.before_unrolled() }}{{ input.name }}_lanes: for (int c = 0; c < {{ input.lanes }}; c++) {
{{ cx.in_unrolled() }}
{{ array.name }}[n * {{ input.lanes }} + c] = token.lanes[c];
}
}
{%- endfor %}
{{ cx.kernel() }}({{ cx.array_names() }});
{%- let output = cx.output() %}
{{ cx.before_steps() }}to_{{ output.name }}: for (int n = 0; n < {{ output.tokens }}; n++) {
{{ cx.in_steps() }}
{{ cx.token(output, "token") }}
{{ cx.before_unrolled() }}{{ output.name }}_lanes: for (int c = 0; c < {{ output.lanes }}; c++) {
{{ cx.in_unrolled() }}
token.lanes[c] = {{ cx.result_array().name }}[n * {{ output.lanes }} + c];
}
{{ cx.write(output, "token") }}
}
}
