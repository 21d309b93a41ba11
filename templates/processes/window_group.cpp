
{%- for kernel in kernels %}
{{ cx.before_unrolled() }}windows: for (int p = 0; p < {{ group.windows }}; p++) {
{{ cx.in_unrolled() }}
{{ element }} window[{{ kernel.elements }}];
{{ cx.at_registers("window") }}
{{ cx.before_unrolled() }}tap_rows: for (int row = 0; row < {{ kernel.rows }}; row++) {
{{ cx.in_unrolled() }}
{{ cx.before_unrolled() }}tap_columns: for (int column = 0; column < {{ kernel.columns }}; column++) {
{{ cx.in_unrolled() }}
const int at = {{ kernel.column_of }};
{{ cx.before_unrolled() }}tap_channels: for (int c = 0; c < {{ pixel_channels }}; c++) {
{{ cx.in_unrolled() }}
window[{{ kernel.entry }}] = {% if pads_rows %}at < 0 || at >= {{ group.pixels }} ? {{ padding }} : {% endif %}pixels[{{ kernel.row_of }}][at / {{ group.pixels }}][at % {{ group.pixels }} * {{ pixel_channels }} + c];
}
}
}
{{ kernel.result }} values[{{ kernel.outputs }}];
{{ cx.at_registers("values") }}
{{ kernel.name }}(window, values);
{{ cx.before_unrolled() }}lanes: for (int o = 0; o < {{ kernel.outputs }}; o++) {
{{ cx.in_unrolled() }}
result.lanes[p * {{ kernel.outputs }} + o] = values[o];
}
}
{%- endfor %}
