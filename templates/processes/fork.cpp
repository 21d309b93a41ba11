// {{ cx.title() }}: {% if cx.outputs().is_empty() %}tokens that nothing else reads{% else %}each token for {{ cx.outputs().len() }} readers{% endif %}.
{{ cx.before_process() }}{{ cx.signature() }} {
tokens: for (int n = 0; n < {{ tokens }}; n++) {
{{ cx.in_frame() }}
{%- if cx.outputs().is_empty() %}
input.read();
{%- else %}
{{ cx.read(cx.input(), "token") }}
{%- for output in cx.outputs() %}
{{ output.name }}.write(token);
{%- endfor %}
{%- endif %}
}
}
