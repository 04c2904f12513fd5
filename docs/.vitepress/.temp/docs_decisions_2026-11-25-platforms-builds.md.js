import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse(`{"title":"Deno and Bun get Node's build, with the platform's WebSocket","description":"","frontmatter":{},"headers":[],"relativePath":"docs/decisions/2026-11-25-platforms-builds.md","filePath":"docs/decisions/2026-11-25-platforms-builds.md"}`);
const _sfc_main = { name: "docs/decisions/2026-11-25-platforms-builds.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="deno-and-bun-get-node-s-build-with-the-platform-s-websocket" tabindex="-1">Deno and Bun get Node&#39;s build, with the platform&#39;s WebSocket <a class="header-anchor" href="#deno-and-bun-get-node-s-build-with-the-platform-s-websocket" aria-label="Permalink to &quot;Deno and Bun get Node&#39;s build, with the platform&#39;s WebSocket&quot;">​</a></h1><p>2026-11-25</p><p><strong>Context.</strong> The build for pages would do. But <code>frond/zeromq</code> is there in Deno, too, and two builds in one process are two classes <code>PalmError</code>.</p><p><strong>Decision.</strong> Deno and Bun get Node&#39;s build, and of <code>websocket</code> the platform&#39;s variant.</p><p><strong>Consequence.</strong> <code>instanceof PalmError</code> holds.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/decisions/2026-11-25-platforms-builds.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const _20261125PlatformsBuilds = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  _20261125PlatformsBuilds as default
};
