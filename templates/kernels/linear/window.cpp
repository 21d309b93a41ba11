
{{ cx.in_type() }} window[{{ windows.window.taps() * windows.channels }}];
{{ cx.local_array("window") }}
{{ cx.open("tap_rows", "tap_row", windows.window.kernel[0]) }}
{{ cx.open("tap_columns", "tap_column", windows.window.kernel[1]) }}
{{ cx.tap(windows.window) }}
{{ cx.open("channels", "c", windows.channels) }}
window[(tap_row * {{ windows.window.kernel[1] }} + tap_column) * {{ windows.channels }} + c] =
    {% if windows.padded %}{{ cx.present(windows.window) }} ? {% endif -%}
    {{ cx.element(windows.window, windows.channels, "c") }}
    {%- if windows.padded %} : {{ cx.in_type() }}(0){% endif %};
}
}
}
