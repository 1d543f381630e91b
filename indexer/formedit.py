"""The command for editing in forms (表单编辑的命令): open the editor in this computer's browser."""

from typing import Annotated

import typer

from indexer.clock import today
from indexer.commandline import BUILT, POLICIES, Policies, WrongUse, project_root
from indexer.terminal import out

HOST = "127.0.0.1"  # never anything else: whoever reaches the editor may change entries
PORT = 8010


def edit(
    policies: Policies = POLICIES,
    port: Annotated[int, typer.Option(min=0, max=65535, help="端口。")] = PORT,
    no_open: Annotated[bool, typer.Option("--no-open", help="不自动打开浏览器。")] = False,
) -> None:
    """在浏览器里用表单写条目：不用懂 YAML，边填边核查，看得到网页的样子；只有这台电脑能用。"""
    import webbrowser

    from indexer import workers
    from indexer.editor import make_editor
    from indexer.entrydesk import Desk
    from indexer.preview import Preview

    if not policies.is_dir():
        raise WrongUse(f"没有文件夹 {policies}，请用 --policies 指明政策库的位置。")
    app = make_editor(Desk(policies.resolve(), BUILT / "drafts"), Preview(project_root()), today)
    try:
        listener = workers.listen(HOST, port)
    except workers.AddressUnusable as error:
        raise WrongUse(str(error)) from None
    address = f"{workers.address_of(listener)}/edit/"

    def ready() -> None:
        out.print(f"表单编辑已经打开：{address} （按 Ctrl+C 结束）")
        if not no_open:
            webbrowser.open(address)

    workers.serve(lambda counts: app, listener, 1, ready)
