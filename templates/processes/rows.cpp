// {{ cx.title() }}: {% if tokens == 1 %}one token{% else %}{{ tokens }} tokens, one after the other{% endif %}.
{{ cx.signature() }} {
{%- if tokens > 1 %}
{{ cx.before_tokens() }}tokens: for (int n = 0; n < {{ tokens }}; n++) {
{{ cx.in_tokens() }}
{%- endif %}
{%- for input in cx.inputs() %}
const {{ input.token }} {{ input.word }} = {{ input.name }}.read();
{%- endfor %}
{{ cx.output().token }} result;
{{ cx.kernel() }}({% for input in cx.inputs() %}{{ input.word }}.lanes, {% endfor %}result.lanes{{ cx.position() }});
output.write(result);
{%- if tokens > 1 %}
}
{%- endif %}
}
