// {{ cx.title() }}: times a factor
{%- if body.scales.by_channel %} for each of {{ body.channels }} channels{% endif %}
{%- if body.offsets.is_some() %}, plus an offset{% endif %}.
{{ cx.signature() }}
{{ cx.pragmas() }}
{%- if body.rows > 1 %}
{{ cx.outer("rows", "row", body.rows) }}
{%- endif %}
{{ cx.level(1, "channels", "c", body.channels) }}
output[{{ cx.at(body.rows, body.channels, "c") }}] = input[{{ cx.at(body.rows, body.channels, "c") }}] * {{ cx.factor(body.scales) }}
{%- if let Some(offsets) = body.offsets %} + {{ cx.factor(offsets) }}{% endif %};
}
{%- if body.rows > 1 %}
}
{%- endif %}
}
