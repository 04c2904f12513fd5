import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Function: readTokens()","description":"","frontmatter":{},"headers":[],"relativePath":"docs/api/frond/relay/functions/readTokens.md","filePath":"docs/api/frond/relay/functions/readTokens.md"}');
const _sfc_main = { name: "docs/api/frond/relay/functions/readTokens.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><h1 id="function-readtokens" tabindex="-1">Function: readTokens() <a class="header-anchor" href="#function-readtokens" aria-label="Permalink to &quot;Function: readTokens()&quot;">​</a></h1><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light github-dark vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#D73A49;--shiki-dark:#F97583;">function</span><span style="--shiki-light:#6F42C1;--shiki-dark:#B392F0;"> readTokens</span><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">(</span><span style="--shiki-light:#E36209;--shiki-dark:#FFAB70;">content</span><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">, </span><span style="--shiki-light:#E36209;--shiki-dark:#FFAB70;">file</span><span style="--shiki-light:#D73A49;--shiki-dark:#F97583;">?</span><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">)</span><span style="--shiki-light:#D73A49;--shiki-dark:#F97583;">:</span><span style="--shiki-light:#6F42C1;--shiki-dark:#B392F0;"> Tokens</span><span style="--shiki-light:#24292E;--shiki-dark:#E1E4E8;">;</span></span></code></pre></div><p>The tokens in a content such as <code>{ tokens: [{ name: &#39;alice&#39;, sha256: &#39;…&#39;, servers: [&#39;demo&#39;], functions: [&#39;demo.*&#39;] }] }</code>: of each who bears it (<code>name</code>), the token itself (<code>token</code>) or its SHA-256 (<code>sha256</code>, in hexadecimal), when it ends (<code>expires</code>, if it does), and the keys of <a href="./../interfaces/Grants">Grants</a>. Several tokens may be of one name, as while one takes the place of another. No token is kept.</p><h2 id="parameters" tabindex="-1">Parameters <a class="header-anchor" href="#parameters" aria-label="Permalink to &quot;Parameters&quot;">​</a></h2><table tabindex="0"><thead><tr><th>Parameter</th><th>Type</th><th>Default value</th><th>Description</th></tr></thead><tbody><tr><td><code>content</code></td><td><code>unknown</code></td><td><code>undefined</code></td><td>-</td></tr><tr><td><code>file?</code></td><td><code>string</code></td><td><code>&#39;tokens&#39;</code></td><td>what the content is called in messages.</td></tr></tbody></table><h2 id="returns" tabindex="-1">Returns <a class="header-anchor" href="#returns" aria-label="Permalink to &quot;Returns&quot;">​</a></h2><p><a href="./../interfaces/Tokens"><code>Tokens</code></a></p><h2 id="throws" tabindex="-1">Throws <a class="header-anchor" href="#throws" aria-label="Permalink to &quot;Throws&quot;">​</a></h2><p>PalmError <code>INVALID_CALL</code> naming the key that is missing, unknown or not acceptable.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("docs/api/frond/relay/functions/readTokens.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const readTokens = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  readTokens as default
};
