// {{ cx.title() }}: its inputs concatenated{% if rounds > 1 %}, in each of {{ rounds }} rounds{% endif %}.
{{ cx.before_process() }}{{ cx.signature() }} {
{%- if rounds > 1 %}
rounds: for (int round = 0; round < {{ rounds }}; round++) {
{%- endif %}
tokens: for (int n = 0; n < {{ turn }}; n++) {
{{ cx.in_frame() }}
{{ cx.token(cx.output(), "result") }}
{%- for input in cx.inputs() %}
{% if !loop.first %}} else {% endif %}{% if !loop.last %}if (n < {{ self.end(loop.index0) }}) {% endif %}{
{{ cx.read(input, "token") }}
{{ cx.before_unrolled() }}{{ input.name }}_lanes: for (int c = 0; c < {{ input.lanes }}; c++) {
{{ cx.in_unrolled() }}
result.lanes[c] = token.lanes[c];
}
{%- endfor %}
}
{{ cx.write(cx.output(), "result") }}
}
{%- if rounds > 1 %}
}
{%- endif %}
}
