// Types of {{ design.name }}, with contents and proven range of values.
#ifndef {{ guard }}
#define {{ guard }}

#include "{{ types_header }}"
{% for (layer, lines) in groups %}
// {{ layer }}
{%- for line in lines %}
{{ line }}
{%- endfor %}
{% endfor %}
#endif
