
{{ cx.before_unrolled() }}tap_rows{{ kernel.suffix }}: for (int row = 0; row < {{ kernel.rows }}; row++) {
{{ cx.in_unrolled() }}
{{ cx.before_unrolled() }}tap_columns{{ kernel.suffix }}: for (int column = 0; column < {{ kernel.columns }}; column++) {
{{ cx.in_unrolled() }}
{{ cx.before_unrolled() }}tap_channels{{ kernel.suffix }}: for (int c = 0; c < {{ channels }}; c++) {
{{ cx.in_unrolled() }}
{{ kernel.window }}[{{ kernel.entry }}] = pixels[{{ kernel.row_of }}][{{ kernel.column_of }}][c];
}
}
}
