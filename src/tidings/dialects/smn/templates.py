"""CreateMessageTemplate, ListMessageTemplates, ListMessageTemplateDetails, UpdateMessageTemplate, DeleteMessageTemplate.

Source: SMN API reference, pages of these names.
"""

from __future__ import annotations

import re
from typing import Any

from tidings.dialects.smn import codec
from tidings.dialects.smn.calls import Answer, Call, Route, SmnServices, created, done, permit_account
from tidings.dialects.smn.errors import refuse
from tidings.dialects.smn.limits import TEMPLATE_NAME_CHARACTERS_MAX, TEMPLATE_PROTOCOLS
from tidings.dialects.smn.template_text import check_content, variables
from tidings.domain.errors import NotFound
from tidings.domain.grants import Grant, Verb
from tidings.domain.model import Template, TemplateQuery

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\Z")


async def create(services: SmnServices, call: Call) -> Answer:
    grant = permit_account(call, Verb.MANAGE_TEMPLATES, "smn:template:create")
    fault = refuse("SMN.0032")
    name = codec.text(call.body, "message_template_name", fault)
    if name is None or len(name) > TEMPLATE_NAME_CHARACTERS_MAX or _NAME.match(name) is None:
        raise fault
    protocol = codec.text(call.body, "protocol", refuse("SMN.0011")) or "default"
    if protocol not in TEMPLATE_PROTOCOLS:
        raise refuse("SMN.0011")
    content = check_content(codec.text(call.body, "content", refuse("SMN.0024")))
    template = await services.templates.create(grant, name=name, protocol=protocol, content=content)
    return created(message_template_id=template.uid)


async def listed(services: SmnServices, call: Call) -> Answer:
    grant = permit_account(call, Verb.LIST, "smn:template:list")
    offset, limit = call.page()
    query = TemplateQuery(
        grant.owner,
        name=call.query.get("message_template_name") or None,
        protocol=call.query.get("protocol") or None,
        offset=offset,
        limit=limit,
    )
    if query.protocol is not None and query.protocol not in TEMPLATE_PROTOCOLS:
        raise refuse("SMN.0011")
    found, total = await services.templates.search(grant, query)
    return done(message_template_count=total, message_templates=[_item(template) for template in found])


async def shown(services: SmnServices, call: Call) -> Answer:
    template = await _own(services, call, permit_account(call, Verb.LIST, "smn:template:list"))
    return done(**_item(template), content=template.content)


async def change(services: SmnServices, call: Call) -> Answer:
    grant = permit_account(call, Verb.MANAGE_TEMPLATES, "smn:template:update")
    template = await _own(services, call, grant)
    content = check_content(codec.text(call.body, "content", refuse("SMN.0024")))
    await services.templates.change(grant, template.uid, content)
    return done()


async def delete(services: SmnServices, call: Call) -> Answer:
    grant = permit_account(call, Verb.MANAGE_TEMPLATES, "smn:template:delete")
    await services.templates.delete(grant, call.path["message_template_id"])
    return done()


async def _own(services: SmnServices, call: Call, grant: Grant) -> Template:
    uid = call.path["message_template_id"]
    template = await services.templates.find(grant.owner, uid)
    if template is None:
        raise NotFound("template", uid)
    return template


def _item(template: Template) -> dict[str, Any]:
    return {
        "message_template_id": template.uid,
        "message_template_name": template.name,
        "protocol": template.protocol,
        "tag_names": variables(template.content),
        "create_time": codec.moment(template.created_at),
        "update_time": codec.moment(template.updated_at),
    }


_ALL = "v2/{project_id}/notifications/message_template"
_ONE = f"{_ALL}/{{message_template_id}}"

ROUTES: tuple[Route, ...] = (
    Route("POST", _ALL, "CreateMessageTemplate", create),
    Route("GET", _ALL, "ListMessageTemplates", listed),
    Route("GET", _ONE, "ListMessageTemplateDetails", shown),
    Route("PUT", _ONE, "UpdateMessageTemplate", change),
    Route("DELETE", _ONE, "DeleteMessageTemplate", delete),
)
