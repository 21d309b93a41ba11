
{%- if rows > 0 %}
{%- if keeps_current %}
// The last {% if rows == 1 %}row{% else %}{{ rows }} rows{% endif %}.
{%- else %}
// The {% if rows == 1 %}row{% else %}{{ rows }} rows{% endif %} above the current one.
{%- endif %}
{{ element }} {{ cx.lines() }}[{{ rows }}][{{ width }}][{{ channels }}];
{{ cx.at_lines(distance) }}
{%- endif %}
// The pixels that the current windows span.
{{ element }} pixels[{{ span[0] }}][{{ span[1] }}][{{ channels }}];
{{ cx.at_registers("pixels") }}
