import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Turns begin when something is held up","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-turns-begin-when-held-up.md","filePath":"docs/decisions/2026-11-28-turns-begin-when-held-up.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-turns-begin-when-held-up.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="turns-begin-when-something-is-held-up" tabindex="-1">Turns begin when something is held up <a class="header-anchor" href="#turns-begin-when-something-is-held-up" aria-label="Permalink to &quot;Turns begin when something is held up&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> Sorting by clients costs up to a microsecond a message.</p><p><strong>Decision.</strong> A batch is taken as it came until its work takes 5 ms or has to be waited for, or more comes. Then the rest is sorted. A turn lasts a millisecond, and at least one message.</p><p><strong>Consequence.</strong> A peer that makes up ids has many turns. Ids are given only behind a relay.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-turns-begin-when-held-up.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128TurnsBeginWhenHeldUp = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128TurnsBeginWhenHeldUp as default
};
