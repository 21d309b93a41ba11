// {{ cx.title() }}: {% if cx.outputs().is_empty() %}tokens that nothing else reads{% else %}each token for {{ cx.outputs().len() }} readers{% endif %}.
{{ cx.before_process() }}{{ cx.signature() }} {
{%- include "processes/each_token.cpp" %}
{%- if cx.outputs().is_empty() %}
{%- let input = cx.input() %}
{%- for (stream, _) in input.streams() %}
{{ stream }}.read();
{%- endfor %}
{%- else %}
{{ cx.read(cx.input(), "token") }}
{%- for output in cx.outputs() %}
{{ cx.write(output, "token") }}
{%- endfor %}
{%- endif %}
{%- if tokens > 1 %}
}
{%- endif %}
}
