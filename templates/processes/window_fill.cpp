
{{ cx.before_unrolled() }}tap_rows: for (int row = 0; row < {{ window.kernel[0] }}; row++) {
{{ cx.in_unrolled() }}
{{ cx.before_unrolled() }}tap_columns: for (int column = 0; column < {{ window.kernel[1] }}; column++) {
{{ cx.in_unrolled() }}
{{ cx.before_unrolled() }}tap_channels: for (int c = 0; c < {{ channels }}; c++) {
{{ cx.in_unrolled() }}
window[{{ entry }}] = pixels[{{ row_of }}][{{ column_of }}][c];
}
}
}
