
{%- if rows_above > 0 %}
// The {% if rows_above == 1 %}row{% else %}{{ rows_above }} rows{% endif %} above the current one.
{{ element }} lines[{{ rows_above }}][{{ window.input[1] }}][{{ channels }}];
{{ cx.at_lines(is_apart) }}
{%- endif %}
// The pixels that the current windows span.
{{ element }} pixels[{{ span[0] }}][{{ span[1] }}][{{ channels }}];
{{ cx.at_registers("pixels") }}
