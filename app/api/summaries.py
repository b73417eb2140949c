"""What each operation is called, in both languages, by the name of its function; and the groups they stand in."""

from collections.abc import Mapping
from typing import Final

from app.domain.text import Text

SUMMARIES: Final[Mapping[str, Text]] = {
    "upload": Text("Enviar planilhas", "Send spreadsheets"),
    "uploads": Text("Listar envios", "List uploads"),
    "announce_upload": Text("Anunciar um envio direto", "Announce a direct upload"),
    "upload_status": Text("Ver um envio", "Show an upload"),
    "cancel": Text("Cancelar um envio", "Cancel an upload"),
    "findings": Text("Baixar os avisos de um envio", "Download an upload's findings"),
    "rejected": Text("Baixar as linhas recusadas", "Download the rows set aside"),
    "accepted": Text("Baixar as linhas aceitas", "Download the rows accepted"),
    "events": Text("Acompanhar um envio", "Follow an upload"),
    "put_file": Text("Mandar um arquivo anunciado", "Put an announced file"),
    "complete_upload": Text("Concluir um envio direto", "Complete a direct upload"),
    "predictions": Text("Ler as previsões", "Read forecasts"),
    "products": Text("Ler os produtos", "Read products"),
    "sales": Text("Ler as vendas passadas", "Read past sales"),
    "accuracy": Text("Ler o acerto das previsões", "Read how good forecasts were"),
    "runs": Text("Listar as previsões já feitas", "List the forecasts there have been"),
    "companies": Text("Listar empresas", "List companies"),
    "export": Text("Exportar tudo de uma empresa", "Export everything of a company"),
    "erase": Text("Apagar uma empresa", "Erase a company"),
    "erasure": Text("Ver o recibo de uma exclusão", "Show the receipt of an erasure"),
    "webhooks": Text("Listar webhooks", "List webhooks"),
    "add_webhook": Text("Criar um webhook", "Make a webhook"),
    "drop_webhook": Text("Remover um webhook", "Remove a webhook"),
    "delivery_log": Text("Ver as entregas de um webhook", "Show a webhook's deliveries"),
    "keys": Text("Listar chaves", "List keys"),
    "make_key": Text("Criar uma chave", "Make a key"),
    "revoke": Text("Revogar uma chave", "Revoke a key"),
    "users": Text("Listar pessoas", "List people"),
    "add_user": Text("Convidar uma pessoa", "Invite a person"),
    "session": Text("Ver a sessão", "Show the session"),
    "open_session": Text("Entrar", "Log in"),
    "close_session": Text("Sair", "Log out"),
    "follow_link": Text("Definir a senha por um link", "Set a password by a link"),
    "audit": Text("Ler a auditoria", "Read the audit log"),
    "live": Text("O processo responde?", "Is the process alive?"),
    "ready": Text("O serviço pode trabalhar?", "Can the service work?"),
    "metrics": Text("Métricas do Prometheus", "Prometheus metrics"),
    "problem_kind": Text("Explicar um código de erro", "Explain an error code"),
}
TAGS: Final[Mapping[str, Text]] = {
    "uploads": Text("Envios: planilhas e o que foi feito delas", "Uploads: spreadsheets and what became of them"),
    "readings": Text("Leituras: previsões, produtos, vendas", "Readings: forecasts, products, sales"),
    "companies": Text("Empresas: listar, exportar, apagar", "Companies: listed, exported, erased"),
    "webhooks": Text("Webhooks: avisos aos seus programas", "Webhooks: your programs are told"),
    "account": Text("Conta: chaves, pessoas, auditoria", "Account: keys, people, audit"),
    "health": Text("Saúde do serviço", "The service's health"),
    "problems": Text("Os códigos de erro", "Error codes"),
}
