
{%- if has_rows %}
rows: for (int y = 0; y < {{ grid[0] }}; y++) {
{%- endif %}
{%- if has_columns %}
columns: for (int x = 0; x < {{ grid[1] }}; x++) {
{%- endif %}
{%- if has_rows || has_columns %}
{{ cx.in_frame() }}
{%- else %}
{{ cx.in_tokens() }}
{%- endif %}
