"""Pages about claiming, comparing, reviewing and exporting.

Everything about a pair hangs below the assignment of the person who reads it.
"""

from django.urls import include, path

from grading import spots  # noqa: F401  registers <spot:…>
from grading.views import compare, exports, results, review, scenarios, work

app_name = "grading"
urlpatterns = [
    path("work/", work.page, name="work"),
    path("work/claim", work.claim, name="claim"),
    path("work/<uuid:public_id>/resume", work.resume, name="resume"),
    path("work/<uuid:public_id>/release", work.release, name="release"),
    path("work/<spot:public_id>/", compare.patches, name="compare"),
    path("work/<spot:public_id>/transcripts", compare.transcripts, name="transcripts"),
    path("work/<spot:public_id>/tests", compare.tests, name="tests"),
    path("work/<spot:public_id>/write-up", compare.write_up, name="write_up"),
    path("work/<spot:public_id>/files/<int:number>", compare.file, name="file"),
    path("work/<spot:public_id>/files/<int:number>/gaps/<int:gap>", compare.gap, name="gap"),
    path("work/<spot:public_id>/files/<int:number>/read", compare.mark, name="mark"),
    path("work/<spot:public_id>/files/<int:number>/image/<str:which>", compare.image, name="image"),
    path("work/<spot:public_id>/search", compare.search, name="search"),
    path("work/<spot:public_id>/base/", compare.base, name="base"),
    path("work/<spot:public_id>/draft", compare.save_draft, name="save_draft"),
    path("work/<spot:public_id>/submit", compare.submit, name="submit"),
    path("work/<spot:public_id>/next", compare.go_on, name="go_on"),
    path("work/<uuid:public_id>/waiting", compare.waiting, name="waiting"),
    path("scenarios/<uuid:public_id>/files/", scenarios.mine, name="scenario_files"),
    path("approvals/<uuid:public_id>/files/", scenarios.proposed, name="proposed_files"),
    path("receipts/<uuid:public_id>", work.receipt, name="receipt"),
    path("scenarios/<uuid:public_id>/files/", scenarios.mine, name="scenario_files"),
    path("approvals/<uuid:public_id>/files/", scenarios.proposed, name="proposed_files"),
    path("receipts/<uuid:public_id>/guess", work.guess, name="guess"),
    path("review/", review.queue, name="reviews"),
    path("review/<spot:public_id>/", review.page, name="review"),
    path("review/<spot:public_id>/transcripts", review.transcripts, name="review_transcripts"),
    path("review/<spot:public_id>/tests", review.tests, name="review_tests"),
    path("review/<spot:public_id>/write-up", review.write_up, name="review_write_up"),
    path("review/<spot:public_id>/files/<int:number>", review.file, name="review_file"),
    path("review/<spot:public_id>/files/<int:number>/gaps/<int:gap>", review.gap, name="review_gap"),
    path("review/<spot:public_id>/files/<int:number>/read", review.mark, name="review_mark"),
    path("review/<spot:public_id>/files/<int:number>/image/<str:which>", review.image, name="review_image"),
    path("review/<spot:public_id>/search", review.search, name="review_search"),
    path("review/<spot:public_id>/base/", review.base, name="review_base"),
    path("review/<uuid:public_id>/decide", review.decide, name="decide"),
    path("exports/", exports.page, name="exports"),
    path("exports/ask", exports.ask, name="ask_export"),
    path("exports/<uuid:public_id>/", exports.detail, name="export"),
    path("exports/<uuid:public_id>/retry", exports.retry, name="retry_export"),
    path("exports/<uuid:public_id>/<str:name>", exports.download, name="download"),
    path("api/v1/", include("grading.api.urls")),
    path("results/", results.experiments, name="results"),
    path("results/<uuid:public_id>/", results.detail, name="result"),
    path("results/<uuid:public_id>/ask", results.ask, name="ask_result"),
    path("results/<uuid:public_id>/unblind", results.unblind, name="unblind_result"),
    path("results/<uuid:public_id>/records", results.records, name="result_records"),
    path("results/records/<uuid:public_id>/", results.record, name="result_record"),
    path("results/at/<uuid:public_id>/", results.state, name="result_state"),
    path("results/at/<uuid:public_id>/freeze", results.freeze, name="freeze_result"),
    path("results/at/<uuid:public_id>/<slug:key>.csv", results.chart, name="result_chart"),
]
