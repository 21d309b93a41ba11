// {{ cx.title() }}: a token for each window of {{ window.kernel[0] }} x {{ window.kernel[1] }} pixels{% if let Some(folds) = folds %}, in {{ folds.count() }} steps{% endif %}.
{{ cx.signature() }} {
{%- include "processes/window_buffers.cpp" %}
{%- if let Some(folds) = folds %}
{%- include "processes/windows_folded.cpp" %}
{%- else %}
rows: for (int y = 0; y < {{ grid[0] }}; y++) {
{{ cx.before_tokens() }}columns: for (int x = 0; x < {{ grid[1] }}; x++) {
{{ cx.in_tokens() }}
{%- include "processes/window_shift.cpp" %}
{%- if !complete.is_empty() %}
if ({{ complete }}) {
{%- endif %}
{{ element }} window[{{ window.taps() * channels }}];
{{ cx.at_registers("window") }}
{%- include "processes/window_fill.cpp" %}
{{ cx.output().token }} result;
{{ cx.kernel() }}(window, result.lanes);
output.write(result);
{%- if !complete.is_empty() %}
}
{%- endif %}
}
}
{%- endif %}
}
