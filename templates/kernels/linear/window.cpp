
{{ cx.in_type() }} window[{{ windows.len() }}];
{{ cx.window_array(body, windows) }}
{{ cx.tap_loop(windows, 0, "tap_rows", "tap_row") }}
{{ cx.tap_loop(windows, 1, "tap_columns", "tap_column") }}
{{ cx.tap(windows.window) }}
{{ cx.open("channels", "c", windows.channels) }}
window[(tap_row * {{ windows.window.kernel[1] }} + tap_column) * {{ windows.channels }} + c] =
    {% if windows.padded %}{{ cx.present(windows.window) }} ? {% endif -%}
    {{ cx.element(windows.window, windows.channels, "c") }}
    {%- if windows.padded %} : {{ cx.in_type() }}(0){% endif %};
}
}
}
