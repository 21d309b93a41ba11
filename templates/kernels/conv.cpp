// {{ cx.title() }}: windows of {{ body.window.kernel[0] }} x {{ body.window.kernel[1] }} taps
{%- if body.group_channels < body.channels %}, {{ body.group_channels }} of {{ body.channels }} channels for each of {{ body.outputs }} outputs
{%- else %} and {{ body.channels }} channels, {{ body.outputs }} outputs each
{%- endif %}.
{{ cx.signature() }}
{{ cx.pragmas() }}
{{ cx.around("rows", "row", body.window.output[0]) }}
{{ cx.outer("columns", "column", body.window.output[1]) }}
{{ cx.in_type() }} window[{{ body.window.taps() * body.channels }}];
{{ cx.local_array("window") }}
{{ cx.open("tap_rows", "tap_row", body.window.kernel[0]) }}
{{ cx.open("tap_columns", "tap_column", body.window.kernel[1]) }}
{{ cx.tap(body.window) }}
{{ cx.open("channels", "c", body.channels) }}
window[(tap_row * {{ body.window.kernel[1] }} + tap_column) * {{ body.channels }} + c] =
    {% if body.padded %}{{ cx.present(body.window) }} ? {% endif -%}
    {{ cx.element(body.window, body.channels, "c") }}
    {%- if body.padded %} : {{ cx.in_type() }}(0){% endif %};
}
}
}
{{ cx.open("outputs", "o", body.outputs) }}
{%- match body.biases %}
{%- when Some with (biases) %}
{{ cx.out_type() }} sum = {{ cx.constant(biases) }}[o];
{%- when None %}
{{ cx.out_type() }} sum = 0;
{%- endmatch %}
{{ cx.open("taps", "t", body.window.taps()) }}
{{ cx.open("inputs", "i", body.group_channels) }}
sum += window[t * {{ body.channels }}
{%- if body.group_channels < body.channels %} + o / {{ body.group_outputs }} * {{ body.group_channels }}{% endif %} + i] *
    {{ cx.constant(body.weights) }}[(t * {{ body.group_channels }} + i) * {{ body.outputs }} + o];
}
}
output[(row * {{ body.window.output[1] }} + column) * {{ body.outputs }} + o] = sum;
}
}
}
}
