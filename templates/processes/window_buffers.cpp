
{%- if rows > 0 %}
{%- if keeps_current %}
// The last {% if rows == 1 %}row{% else %}{{ rows }} rows{% endif %}.
{%- else %}
// The {% if rows == 1 %}row{% else %}{{ rows }} rows{% endif %} above the current one.
{%- endif %}
{{ self.lines() }}
{%- endif %}
// The pixels that the current windows span.
{{ self.pixels() }}
