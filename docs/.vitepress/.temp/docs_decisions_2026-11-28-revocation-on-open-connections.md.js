import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"What is taken back counts on open connections","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-28-revocation-on-open-connections.md","filePath":"docs/decisions/2026-11-28-revocation-on-open-connections.md"}');
const _sfc_main = { name: "docs/decisions/2026-11-28-revocation-on-open-connections.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="what-is-taken-back-counts-on-open-connections" tabindex="-1">What is taken back counts on open connections <a class="header-anchor" href="#what-is-taken-back-counts-on-open-connections" aria-label="Permalink to &quot;What is taken back counts on open connections&quot;">​</a></h1><p>2026-11-28</p><p><strong>Context.</strong> A removed token must end its clients, and an outage of a database must not end the relay.</p><p><strong>Decision.</strong> <code>Reauthentication</code> keeps what each client showed, and asks the hook again, 64 clients in a turn. A hook that fails changes nothing. The file&#39;s folder is watched, not the file, because editors and Kubernetes put another file in its place. For 2 s after a change the content is compared, because a second write may bear the same time and size.</p><p><strong>Consequence.</strong> <code>Authenticate</code> may carry <code>onChange</code>, so <code>tokens.authenticate</code> needs nothing else.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-28-revocation-on-open-connections.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261128RevocationOnOpenConnections = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261128RevocationOnOpenConnections as default
};
