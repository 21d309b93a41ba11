// Types of {{ design.name }}, with contents and proven range of values.
#ifndef {{ guard }}
#define {{ guard }}

#include "{{ types_header }}"
{% for group in groups %}
// {{ group.layer }}
{%- for line in group.lines %}
{{ line }}
{%- endfor %}
{% endfor %}
#endif
