// {{ cx.title() }}: times {{ cx.kind(body.scales) }}
{%- if body.by_channel %} for each of {{ body.channels }} channels{% endif %}
{%- if body.offsets.is_some() %}, plus an offset{% endif %}: {{ cx.operations(body.operations) }}.
{{ cx.signature() }}
{{ cx.pragmas() }}
{%- if body.rows > 1 %}
{{ cx.outer("rows", "row", body.rows) }}
{%- endif %}
{{ cx.level(1, "channels", "c", body.channels) }}
{%- let at = cx.at(body.rows, body.channels, "c") %}
{%- let factors = body.scales %}
{%- let index = cx.channel(body.by_channel) %}
{%- let offset = cx.offset(body.offsets) %}
{%- include "kernels/scaled.cpp" %}
}
{%- if body.rows > 1 %}
}
{%- endif %}
}
