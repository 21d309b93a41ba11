// {{ cx.title() }}: the {% if body.lowest.is_some() %}largest{% else %}sum{% endif %} of windows of {{ body.window.kernel[0] }} x {{ body.window.kernel[1] }} elements.
{{ cx.signature() }}
{{ cx.pragmas() }}
{{ cx.outer("rows", "row", body.window.output[0]) }}
{{ cx.level(1, "columns", "column", body.window.output[1]) }}
{{ cx.level(2, "channels", "c", body.channels) }}
{%- match body.lowest %}
{%- when Some with (lowest) %}
{{ cx.ty(body.element) }} result = {{ cx.number(lowest) }};
{%- when None %}
{{ cx.ty(body.element) }} result = 0;
{%- endmatch %}
{{ cx.level(3, "tap_rows", "tap_row", body.window.kernel[0]) }}
{{ cx.level(4, "tap_columns", "tap_column", body.window.kernel[1]) }}
{{ cx.tap(body.window) }}
{%- if body.padded %}
if ({{ cx.present(body.window) }}) {
{%- endif %}
{%- if body.lowest.is_some() %}
if ({{ cx.element(body.window, body.channels, "c") }} > result) {
result = {{ cx.element(body.window, body.channels, "c") }};
}
{%- else %}
result += {{ cx.element(body.window, body.channels, "c") }};
{%- endif %}
{%- if body.padded %}
}
{%- endif %}
}
}
output[(row * {{ body.window.output[1] }} + column) * {{ body.channels }} + c] = result;
}
}
}
}
