// {{ cx.title() }}: times {{ cx.kind(body.scales) }}
{%- if body.by_channel %} for each {% if body.channels > 1 %}of {{ body.channels }} channels{% if body.positions > 1 %} of each position{% endif %}{% else %}position{% endif %}{% endif %}
{%- if body.bias.is_some() %}, plus a bias{% endif %}{{ cx.cost() }}.
{{ cx.signature() }} {
{{ cx.pragmas() }}
{%- if body.rows > 1 %}
{{ cx.before(0) }}rows: for (int row = 0; row < {{ body.rows }}; row++) {
{{ cx.inside(0) }}
{%- endif %}
{{ cx.before(1) }}channels: for (int c = 0; c < {{ body.channels }}; c++) {
{{ cx.inside(1) }}
{%- let at = cx.at(body.rows, body.channels, "c") %}
{%- let factors = body.scales %}
{%- let index = cx.channel(body.by_channel) %}
{%- let index = index.as_str() %}
{%- let bias = cx.bias(body.bias) %}
{%- include "kernels/scaled.cpp" %}
}
{%- if body.rows > 1 %}
}
{%- endif %}
}
